"""Grading a class.

finding    where hand-ins lie
runs       what decides a run's reports, and how it resumes
processes  local processes that grade one submission each at a time
grading    the whole: find, grade, draw the pages
"""
