import time
import unittest

from shop.receipts import number


class TestReceipts(unittest.TestCase):
    def test_number_stays_while_it_is_printed(self):
        before = number()
        time.sleep(0.006)  # printing
        self.assertEqual(number(), before)
