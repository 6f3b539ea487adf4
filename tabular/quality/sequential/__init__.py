"""Evidence that may be looked at as often as one likes: bets on a mean, and the decision about a challenger."""
