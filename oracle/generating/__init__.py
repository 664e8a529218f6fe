"""Programs for peers: sequences of calls that go deep, meet, and show what came of them."""
