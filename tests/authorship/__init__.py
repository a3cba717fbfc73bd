"""Tests of similarity and of questions for a viva, with the hand-ins of independent authors."""
