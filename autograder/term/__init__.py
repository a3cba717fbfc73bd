"""A course over a term: marks from many assignments, by the dates and rules that ``course.toml`` states.

course_file  reads course.toml
people       who is who in several runs
times        when hand-ins arrived
late         what a late hand-in loses
adjusting    overridden points and voided exercises
marks        one student's mark, step by step
writing_term the pages and the table
"""
