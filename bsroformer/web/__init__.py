"""The studio in the browser: songs come in, their stems can be heard, seen, balanced and taken home.

From a visitor's side to the disk::

    page       Gradio: which song, which checkpoint, which stems, how well;  player.js: the instrument
    api        the same for programs
    routes     what the instrument asks for, by token and number
    studio     who is next, and the one model that separates
    job        a song on its way
    listening  what can be heard and seen of it so far
    shelf      its folder, until it is deleted
"""
