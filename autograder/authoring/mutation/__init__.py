"""Mutation testing of the references: small changes to a solution, and which of them no check catches."""
