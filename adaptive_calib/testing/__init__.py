"""Contract tests and test doubles, for the tests of this package and for those of its users."""
