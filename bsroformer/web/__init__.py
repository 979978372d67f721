"""The studio in the browser: songs come in, their stems can be heard, seen, balanced and taken home.

From a visitor's side to the disk::

    server      where the page is to be found, and by whom;  guard: what is turned away before it gets there
    page        Gradio: which song, which checkpoint, which stems, how well;  player/: the instrument
    api         the same for programs
    routes      what the instrument asks for, by token and number;  downloads: what is taken home
    studio      what is taken in and what became of it;  limits: how much;  line: who is next
    menu        the checkpoints to choose from;  held_model: the one that is in memory
    job         a song on its way;  facts: what its page is told of it
    listening   what can be heard and seen of it so far;  pictures: spectrograms and waveforms
    shelf       its folder, until it is deleted
"""
