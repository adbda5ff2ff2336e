"""What can be done with the space that pictures are drawn from.

`truncation` trades variety for fewer surprises; `interpolation` goes from one picture to another, `animation` makes it
a film; `mixing` takes the coarse of one picture and the fine of another; `directions` finds what moves a picture
most; `projection` finds the latent of a picture that is there, `latentfile` keeps it. What this room does not do:
anything that changes weights.
"""
