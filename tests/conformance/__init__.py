"""One table of requests and answers, and every door that has to give them."""
