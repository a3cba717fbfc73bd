"""From a failed check to the sentence that its author needs.

outcomes    what was observed, and fingerprints of it
planted     mistakes that the course knows
pattern     what a pattern is: when it is looked for, a function, and examples that prove and explain it
patterns    the registry of patterns of numbers, in the order in which they are asked:
  modes       training and evaluation mode swapped
  values      zero, another known array, a function of the expected value, a wrong sign, nearly right
  shapes      another shape, or summed over too few or too many axes
  order       other places, one entry too many, or too few
  multiples   correct up to a number (factors), an array, or a factor for each row
  regions     what the wrong entries have in common
  terms       an extra or missing term
  shares      gradients shared by several entries, or summed over several
  probing     experiments with the student's own code (probe)
  substitutes the answer that belongs to another argument, input or parameter (replacements)
  steps       an optimizer's trajectory: patterns in it, and experiments with the optimizer
properties  the registry of patterns where a check of one property fails
contrasts   where nothing else is recognised: what distinguishes the cases that are wrong (facts)
examples    the exercises that the examples of patterns change
places      where the errors are
reproduce   one small input that reproduces the failure
"""
