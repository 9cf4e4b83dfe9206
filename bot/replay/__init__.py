"""Does it turn green?"""
