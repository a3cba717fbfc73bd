"""From a failed check to what its author needs to hear.

outcomes   what was seen, and prints of it
planted    mistakes that the course knows
patterns   relations between what is seen and what is wanted: arrangement, factors, terms, regions
modes      training and evaluation taken for each other
probing    questions put to the student's own code
steps      an optimizer's walk: what is seen of it, and questions put to the optimizer
shares     what several entries get together, or one entry from several
properties what a check of one property says by failing
places     where an error sits
reproduce  one small input that shows it again
"""
