"""The drawings of the web app, and the script that draws them.

`python -m webapp.artwork OUTDIR` writes OUTDIR/dogs and OUTDIR/stars. The same code draws the same
pictures every time; the drawn files are committed under webapp/collections.
"""
