"""The studio in the browser: songs come in, their stems can be heard, seen, balanced and taken home.

From a visitor's side to the disk::

    server      the page on a network;  address: where, for whom, under which names;  accounts: names and passwords
    connections how many at once;  origin: other names and other sites;  sign_in: wrong passwords are slow
    guard       what Gradio would do and this page does not;  uploads: songs on their way in;  readers: who still reads
    page        Gradio: which song, which checkpoint, which stems, how well;  player/: the instrument
    api         the same for programs
    routes      what the instrument asks for, by token and number;  downloads: what is taken home
    studio      what is taken in and what became of it;  line: who is next
    admission   what is taken in at all;  limits: how much;  probing: within a time limit;  reserve: space on the disk
    menu        the checkpoints to choose from, best first;  held_model: the one that is in memory
    job         a song on its way;  facts: what its page shows of it
    listening   what can be heard and seen of it so far;  pictures: spectrograms and waveforms
    shelf       its folder, until it is deleted;  abandoned: the same of studios that were killed
"""
