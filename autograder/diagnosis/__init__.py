"""From a failed check to the sentence that its author needs.

outcomes   what was observed, and fingerprints of it
planted    mistakes that the course knows
patterns   relations between observed and expected values: arrangement, factors, terms, regions
modes      training and evaluation mode swapped
probing    experiments with the student's own code
steps      an optimizer's trajectory: patterns in it, and experiments with the optimizer
shares     gradients shared by several entries, or summed over several
properties what the failure of a check of one property shows
places     where the errors are
reproduce  one small input that reproduces the failure
"""
