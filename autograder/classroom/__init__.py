"""Grading a class.

finding    finds hand-ins
runs       the settings that decide a run's reports, and how a run resumes
processes  local processes, each grading one submission at a time
grading    the whole run: find, grade, draw the pages
"""
