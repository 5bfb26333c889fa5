"""Which evaluation a result belongs to: canonical texts, digests of functions, evaluations, replicates."""
