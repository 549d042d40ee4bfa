"""What LocalStack finds through the entry points; it imports the rest only when it is chosen."""

from localstack.runtime.server.core import RuntimeServerPlugin
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin


class ProcessExecutorPlugin(RuntimeExecutorPlugin):
    """`LAMBDA_RUNTIME_EXECUTOR=process`."""

    name = "process"

    def load(self, *args, **kwargs):
        from tmc_localstack.executor import ProcessExecutor

        return ProcessExecutor


class BoundServerPlugin(RuntimeServerPlugin):
    """`GATEWAY_SERVER=bound`."""

    name = "bound"

    def load(self, *args, **kwargs):
        from tmc_localstack.server import BoundServer

        return BoundServer()
