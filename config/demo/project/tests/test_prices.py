import unittest

from shop.prices import total


class TestPrices(unittest.TestCase):
    def test_total(self):
        self.assertEqual(total([1, 2, 3]), 6)

    def test_total_with_discount(self):
        self.assertEqual(total([100], discount=10), 90)

    def test_total_of_nothing(self):
        self.assertEqual(total([]), 0)
