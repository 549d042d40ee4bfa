"""Functions in a real Node, without LocalStack."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

from tmc_localstack.sandbox import InitFailed, Invocation, Sandbox

CLIENT = Path(__file__).parent.parent / "tmc_localstack" / "runtime.mjs"
ECHO = "export const handler = async (event) => event;"


class SandboxTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.code = folder.name
        self.requests = 0

    def sandbox(self, source, timeout=10.0, handler="index.handler", file="index.mjs", **environment):
        """A sandbox of this module, not yet started."""
        path = Path(self.code, file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        own = {"PATH": os.environ["PATH"], "_HANDLER": handler, "AWS_LAMBDA_FUNCTION_NAME": "orders", **environment}
        made = Sandbox([shutil.which("node"), str(CLIENT)], self.code, own, timeout)
        self.addCleanup(made.stop)
        return made

    def started(self, *args, **kwargs):
        made = self.sandbox(*args, **kwargs)
        made.start()
        return made

    def call(self, sandbox, event=None):
        self.requests += 1
        request = Invocation(f"request-{self.requests}", "arn:orders", "Root=1-2-3", json.dumps(event))
        return sandbox.invoke(request)

    def failure(self, *args, **kwargs):
        """The error of a function that cannot be started."""
        with self.assertRaises(InitFailed) as raised:
            self.sandbox(*args, **kwargs).start()
        return raised.exception.error

    def assertFails(self, answer, kind, message=""):
        self.assertTrue(answer.is_error, answer)
        error = json.loads(answer.payload)
        self.assertEqual(error["errorType"], kind)
        self.assertIn(message, error["errorMessage"])

    def test_the_result_is_the_answer(self):
        event = {"text": "grüß dich\n", "list": [1, None]}
        answer = self.call(self.started(ECHO), event)
        self.assertEqual((json.loads(answer.payload), answer.is_error), (event, False))

    def test_no_result_is_null(self):
        self.assertEqual(self.call(self.started("export const handler = async () => {};")).payload, "null")

    def test_megabytes_go_both_ways(self):
        event = "x" * 4_000_000
        self.assertEqual(json.loads(self.call(self.started(ECHO), event).payload), event)

    def test_the_module_is_loaded_once(self):
        sandbox = self.started("let calls = 0; export const handler = async () => ++calls;")
        self.assertEqual([self.call(sandbox).payload for _ in range(3)], ["1", "2", "3"])

    def test_commonjs_in_a_folder_and_nested_exports(self):
        source = "exports.api = { get: async () => 'got' };"
        sandbox = self.started(source, handler="src/orders.api.get", file="src/orders.cjs")
        self.assertEqual(self.call(sandbox).payload, '"got"')

    def test_the_context_is_that_of_the_invocation(self):
        source = """export const handler = async (event, context) =>
          [context.awsRequestId, context.invokedFunctionArn, context.functionName, process.env._X_AMZN_TRACE_ID,
           context.getRemainingTimeInMillis()];"""
        request, arn, name, trace, remaining = json.loads(self.call(self.started(source, timeout=5.0)).payload)
        self.assertEqual((request, arn, name, trace), ("request-1", "arn:orders", "orders", "Root=1-2-3"))
        self.assertTrue(4000 < remaining <= 5000, remaining)

    def test_the_environment_is_what_is_given_and_no_more(self):
        os.environ["LEAKED"] = "yes"
        self.addCleanup(os.environ.pop, "LEAKED")
        source = "export const handler = async () => [process.env.GIVEN, process.env.LEAKED ?? null, process.cwd()];"
        given, leaked, folder = json.loads(self.call(self.started(source, GIVEN="ü")).payload)
        self.assertEqual((given, leaked, os.path.realpath(folder)), ("ü", None, os.path.realpath(self.code)))

    def test_what_is_thrown_is_an_error_with_type_and_trace_and_the_process_goes_on(self):
        sandbox = self.started("export const handler = async (bad) => { if (bad) throw new TypeError('no'); return 1; };")
        answer = self.call(sandbox, True)
        self.assertFails(answer, "TypeError", "no")
        self.assertIn("index.mjs", "".join(json.loads(answer.payload)["trace"]))
        self.assertEqual(self.call(sandbox, False).payload, "1")

    def test_what_cannot_be_json_is_an_error(self):
        self.assertFails(self.call(self.started("export const handler = async () => 1n;")), "TypeError", "BigInt")

    def test_output_belongs_to_its_invocation_and_is_complete(self):
        sandbox = self.started(
            "export const handler = async (name) => { console.log('is', name); process.stderr.write('x'.repeat(200000)); };"
        )
        for name in ("first", "second"):
            logs = self.call(sandbox, name).logs
            self.assertIn(f"INFO\tis {name}\n", logs)
            self.assertEqual(logs.count("x"), 200_000)

    def test_logs_are_objects_when_the_function_says_so(self):
        sandbox = self.started("export const handler = async () => console.warn('careful');", AWS_LAMBDA_LOG_FORMAT="JSON")
        line = json.loads(self.call(sandbox).logs)
        self.assertEqual((line["level"], line["message"], line["requestId"]), ("WARN", "careful", "request-1"))

    def test_a_timeout_kills_the_process_and_the_next_event_gets_another(self):
        source = """import { spawn } from 'node:child_process';
          export const handler = async (hang) => {
            if (!hang) return process.pid;
            console.log(spawn('sleep', ['600']).pid);
            for (;;);
          };"""
        sandbox = self.started(source, timeout=1.5)
        first = int(self.call(sandbox, False).payload)
        answer = self.call(sandbox, True)
        self.assertFails(answer, "Sandbox.Timedout", "request-2 Task timed out after 1.50 seconds")
        self.assertTrue(1400 < answer.milliseconds < 10_000, answer.milliseconds)
        self.assertNotEqual(int(self.call(sandbox, False).payload), first)
        self.wait_for_end_of(first)
        self.wait_for_end_of(int(answer.logs.split()[-1]))

    def test_an_exit_is_an_error_and_the_next_event_gets_another_process(self):
        sandbox = self.started("export const handler = async (code) => { if (code) process.exit(code); return 1; };")
        self.assertFails(self.call(sandbox, 3), "Runtime.ExitError", "exit status 3")
        self.assertEqual(self.call(sandbox, 0).payload, "1")

    def test_what_nobody_catches_is_the_error_of_the_event(self):
        source = "export const handler = () => new Promise(() => { setTimeout(() => { throw new RangeError('late'); }); });"
        self.assertFails(self.call(self.started(source)), "Runtime.UncaughtException", "late")

    def test_a_handler_that_cannot_be_loaded_is_said(self):
        cases = {
            "Runtime.UserCodeSyntaxError": {"source": "export const handler = ("},
            "Runtime.HandlerNotFound": {"source": ECHO, "handler": "index.other"},
            "Runtime.ImportModuleError": {"source": "import 'not-there';" + ECHO},
            "Runtime.MalformedHandlerName": {"source": ECHO, "handler": "index"},
            "Runtime.CallbackHandlerDeprecated": {"source": "export const handler = (event, context, done) => done();"},
            "RangeError": {"source": "throw new RangeError('at import');"},
            "Runtime.ExitError": {"source": "process.exit(5);"},
        }
        for kind, case in cases.items():
            with self.subTest(kind):
                self.assertEqual(self.failure(**case)["errorType"], kind)

    def test_a_missing_file_is_said(self):
        self.assertEqual(self.failure(ECHO, handler="absent.handler")["errorType"], "Runtime.ImportModuleError")

    def test_stop_ends_an_invocation_that_runs(self):
        sandbox = self.started("export const handler = () => new Promise((done) => setTimeout(done, 600000));", timeout=60)
        threading.Timer(0.3, sandbox.stop).start()
        self.assertFails(self.call(sandbox), "Runtime.ExitError", "SIGKILL")

    def test_nothing_starts_after_stop(self):
        sandbox = self.sandbox(ECHO)
        sandbox.stop()
        with self.assertRaises(InitFailed):
            sandbox.start()

    def test_the_process_ends_with_the_one_that_started_it(self):
        Path(self.code, "index.mjs").write_text("export const handler = async () => process.pid;")
        program = f"""
import os, sys
from tmc_localstack.sandbox import Invocation, Sandbox
environment = {{"PATH": os.environ["PATH"], "_HANDLER": "index.handler"}}
sandbox = Sandbox([{shutil.which("node")!r}, {str(CLIENT)!r}], {self.code!r}, environment, 10)
sandbox.start()
print(sandbox.invoke(Invocation("1", "arn", "", "null")).payload, flush=True)
os.kill(os.getpid(), 9)
"""
        said = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=CLIENT.parent.parent, check=False)
        self.wait_for_end_of(int(said.stdout))

    def wait_for_end_of(self, pid, seconds=10):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX":
                    return
            except FileNotFoundError:
                return
            time.sleep(0.02)
        self.fail(f"process {pid} still runs after {seconds} s")
