"""One execution environment of LocalStack's Lambda as one sandbox."""

import json
import os
import shutil
from pathlib import Path

from localstack import config
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from tmc_localstack.sandbox import InitFailed, Invocation, Sandbox

CLIENT = Path(__file__).with_name("runtime.mjs")


class ProcessExecutor(RuntimeExecutor):
    """Called by LocalStack from several threads; it sends one invocation at a time."""

    _sandbox: Sandbox | None = None

    def start(self, env_vars):
        """Starts the process and imports the handler; what is wrong with the function becomes its answer."""
        function = self.function_version.config
        code = str(function.code.get_unzipped_code_location())
        self._sandbox = Sandbox(
            command=["node", "--enable-source-maps", str(CLIENT)],
            code=code,
            environment=_environment(env_vars, code, function.runtime),
            timeout=float(function.timeout),
        )
        try:
            self._sandbox.start()
        except InitFailed as failed:
            raise StatusErrorException(str(failed), payload=json.dumps(failed.error).encode()) from failed

    def invoke(self, payload):
        """Sends one event; function errors are results, they do not raise."""
        request = payload["invoke-id"]
        answer = self._sandbox.invoke(
            Invocation(
                id=request,
                arn=payload["invoked-function-arn"],
                trace=payload.get("trace-id", ""),
                event=payload["payload"],
            )
        )
        version = self.function_version
        logs = (
            f"START RequestId: {request} Version: {version.id.qualifier}\n{answer.logs}"
            f"END RequestId: {request}\n"
            f"REPORT RequestId: {request}\tDuration: {answer.milliseconds:.2f} ms\t"
            f"Billed Duration: {int(answer.milliseconds) + 1} ms\tMemory Size: {version.config.memory_size} MB\n"
        )
        return InvocationResult(
            request_id=request, payload=answer.payload.encode(), is_error=answer.is_error, logs=logs
        )

    def stop(self):
        """Also comes while `start` or `invoke` wait; they end then."""
        if self._sandbox is not None:
            self._sandbox.stop()

    def get_logs(self):
        return "" if self._sandbox is None else self._sandbox.logs()

    def get_address(self):
        return "127.0.0.1"

    def get_endpoint_from_executor(self):
        return config.GATEWAY_LISTEN[0].host

    def get_runtime_endpoint(self):
        """There is none: events go through a socket that only the process has."""
        return ""

    @classmethod
    def prepare_version(cls, function_version):
        """Unzips the code; raising makes the function Failed."""
        runtime = str(function_version.config.runtime)
        if not runtime.startswith("nodejs"):
            raise ValueError(f"the process executor runs nodejs functions, not {runtime}")
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version):
        """Nothing: LocalStack deletes the code itself."""

    @classmethod
    def validate_environment(cls):
        return shutil.which("node") is not None


def _environment(of_function, code, runtime):
    """What LocalStack gives to the function, where the code really is, and of LocalStack's own only what a process needs."""
    own = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    given = {name: str(value) for name, value in of_function.items()}
    return {**own, "LAMBDA_RUNTIME_DIR": str(CLIENT.parent), **given, "LAMBDA_TASK_ROOT": code,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}"}
