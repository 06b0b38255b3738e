"""Reports and pictures: what leaves the program on paper. Pure: objects in, a file out; no database, no pen.

Set by typst (PDF/A-2b, PNG, SVG) from the templates in ``templates/``. Setting a page takes up to a second of processor
time, so a report is never made in the process that holds a pen.
"""
