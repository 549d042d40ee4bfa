import os
import unittest

from tmc_localstack.output import Output

MARK = b"<mark>"


class OutputTest(unittest.TestCase):
    def setUp(self):
        reading, self.writing = os.pipe()
        self.output = Output(reading, MARK)
        self.open = True

    def tearDown(self):
        self.close()

    def close(self):
        if self.open:
            os.close(self.writing)
            self.open = False

    def test_each_invocation_gets_what_was_written_before_its_mark(self):
        os.write(self.writing, b"one\n" + MARK + b"two\n" + MARK)
        self.assertEqual(self.output.take(5), "one\n")
        self.assertEqual(self.output.take(5), "two\n")

    def test_a_mark_in_two_pieces_is_one(self):
        os.write(self.writing, b"one\n" + MARK[:3])
        os.write(self.writing, MARK[3:])
        self.assertEqual(self.output.take(5), "one\n")

    def test_more_than_a_pipe_holds_comes_complete(self):
        text = b"x" * 300_000
        os.write(self.writing, text + MARK)
        self.assertEqual(len(self.output.take(5)), 300_000)

    def test_the_end_is_as_good_as_a_mark(self):
        os.write(self.writing, b"last words")
        self.close()
        self.assertEqual(self.output.take(5), "last words")

    def test_without_a_mark_it_gives_what_there_is_after_the_time(self):
        os.write(self.writing, b"half a line")
        self.assertEqual(self.output.take(0.5), "half a line")

    def test_what_is_no_text_does_not_fail(self):
        os.write(self.writing, b"\xff" + MARK)
        self.assertEqual(self.output.take(5), "\ufffd")
