"""The studio: a page that separates songs, and plays, shows and balances the stems.

From the visitor to the disk::

    server        serves the page;  address: where, and for whom;  connections: how many
    same_origin   refuses other host names and other sites;  guard: refuses what Gradio offers and this page does not
    call_check    forms and arguments of calls;  unread: answers without a reader
    middleware    sign-ins, event streams;  uploads: files that arrive
    page          the controls, in Gradio;  player/: the player, in JavaScript;  api: the same for programs
    routes        what the player requests;  job_status: how far a song is;  downloads: stems, mixes, zips
    studio        separates one song after another;  job: a song;  job_queue: the order of songs
    admission     which songs are accepted;  limits: how much a visitor may request
    catalog       the checkpoints to choose from;  known_scores: how well they separate
    model_cache   the one model in memory
    preview       what can be heard and seen during the separation
    workspace     folders of songs and uploads, and their disk space;  cleanup: deletes them
    example       a song to try
"""
