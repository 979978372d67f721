"""Styles of blues, jazz, folk, the Caribbean and Brazil."""

from bsroformer.data.demo_songs.style import Style

ROOTS_STYLES = (
    Style(
        name="swing",
        tempo=(126, 168),
        harmony="jazz",
        swing=0.66,
        verse="""
        ride       x...x.x.x...x.x.
        pedal      ....x.......x...
        kick       o...o...o...o...
        snare      ......o.......o.
        """,
        chorus="""
        ride       X...x.x.X...x.x.
        pedal      ....x.......x...
        kick       x...o...o...o.x.
        snare      ......x...o...x.
        """,
        bass=("R---3---5---a---", "R---5---3---a---", "R---8---7---a---", "R---3---5---6---"),
        comping=("x.....x-........", "..x-........x-..", "......x-..x....."),
        riff=("2---3-2-1---....", "..0-1-2-3-----..", "3---2---1-0-...."),
        kits="jazz, brush",
        basses="acoustic bass",
        compers="piano, jazz guitar, vibraphone",
        riffers="tenor sax, muted trumpet, clarinet, trombone",
        pads="brass, drawbar organ, slow strings",
    ),
    Style(
        name="shuffle blues",
        tempo=(92, 126),
        harmony="blues",
        swing=0.66,
        verse="""
        kick       x..x..x..x..
        snare      ...X.....X..
        hat        x.xx.xx.xx.x
        """,
        chorus="""
        kick       x..x.xx..x..
        snare      ...X..o..X.o
        ride       x.xx.xx.xx.x
        """,
        bass=("R--3--5--6--", "R-RR-R5-56-5", "R--5--8--5--"),
        comping=("x-xx-xx-xx-x", "..x..x..x..x", "x-----..x---"),
        riff=("..0.12..3.21", "3-21--0-....", "0.01.12.21.1"),
        kits="standard, room, jazz",
        basses="picked bass, fingered bass, acoustic bass",
        compers="honky-tonk, overdriven guitar, piano, steel guitar",
        riffers="harmonica, rock organ, clean guitar",
        pads="drawbar organ, brass",
    ),
    Style(
        name="slow twelve-eight",
        tempo=(60, 76),
        harmony="ballad",
        swing=0.66,
        verse="""
        kick       x.....x.....
        stick      ...x.....x..
        hat        xooxooxooxoo
        """,
        chorus="""
        kick       x....xx.....
        snare      ...X.....X..
        ride       xxxxxxxxxxxx
        """,
        bass=("R--R-5R--5-a", "R-----5-----", "R--R--R--3-5"),
        comping=("xxxxxxxxxxxx", "x--x--x--x--", "x-----x--x--"),
        riff=("012321012321", "0--1--2--1--", "210210321210"),
        kits="standard, room, brush",
        basses="fingered bass, acoustic bass",
        compers="piano, percussive organ, honky-tonk",
        riffers="clean guitar, tenor sax, harp",
        pads="drawbar organ, slow strings, brass",
    ),
    Style(
        name="bossa nova",
        tempo=(112, 140),
        harmony="jazz",
        verse="""
        kick       x..xx..xx..xx..x
        stick      x..x..x...x..x..
        hat        x.x.x.x.x.x.x.x.
        """,
        chorus="""
        kick       x..xx..xx..xx..x
        stick      x..x..x...x..x..
        ride       x.x.x.x.x.x.x.x.
        maracas    xoxoxoxoxoxoxoxo
        """,
        bass=("R-----5-5-----R-", "R-----5-8-----5-", "R--R5---5--5R---"),
        comping=("x..x..x...x..x..", "x.x...x..x..x...", "..x..x....x..x.."),
        riff=("3-----2-1-----..", "..2-3-2-1---0---", "0.1.2.3...2.1..."),
        kits="brush, jazz, standard",
        basses="acoustic bass, fretless bass",
        compers="nylon guitar, rhodes, piano",
        riffers="flute, vibraphone, alto sax, clarinet",
        pads="slow strings, accordion",
    ),
    Style(
        name="salsa",
        tempo=(92, 112),
        harmony="latin",
        verse="""
        kick       x.......x.......
        conga-mute x.......x.......
        conga      ....x.......x...
        conga-low  ......xx......xx
        claves     x..x..x...x.x...
        maracas    x.x.x.x.x.x.x.x.
        """,
        chorus="""
        kick       x..x..x.x..x..x.
        conga      ..x.x.....x.x...
        conga-low  ......xx......xx
        claves     x..x..x...x.x...
        cowbell    x.x.x.x.x.x.x.x.
        """,
        bass=("...R--5-----8-..", "R..5--8-...5--8-", "...R--5-R--5--8-"),
        comping=("x..x..x.x.x..x..", "x.xx.xx.x.xx.xx.", "..x..x..x..x..x."),
        riff=("0.2.1.3.0.2.1.3.", "3.3...2...1.1...", "..3-2-1-..2-1-0-"),
        kits="standard, room",
        basses="acoustic bass, fingered bass",
        compers="piano, bright piano, marimba",
        riffers="brass, trumpet, flute, trombone",
        pads="strings, brass",
    ),
    Style(
        name="reggae",
        tempo=(70, 88),
        harmony="rock",
        swing=0.54,
        verse="""
        kick       ........x.......
        stick      ........x.......
        hat        x.x.x.x.x.x.x.x.
        """,
        chorus="""
        kick       x...x...x...x...
        snare      ........X.......
        hat        x.xxx.x.x.xxx...
        open       ..............x.
        """,
        bass=("R---R-3-5---....", "..R-R---5-3-R---", "R-----R-5-5-3-R-"),
        comping=("....x.......x...", "....x.x.....x.x.", "..x...x...x...x."),
        riff=("..0.1.2.........", "3-..2-..1-......", "0.2.1.2.0.2.1.2."),
        kits="standard, room",
        basses="fingered bass, picked bass, fretless bass",
        compers="drawbar organ, clean guitar, rock organ",
        riffers="muted guitar, trombone, clavinet, steel drum",
        pads="rock organ, warm pad",
    ),
    Style(
        name="folk",
        tempo=(88, 120),
        harmony="folk",
        verse="""
        kick       x.......x.......
        tambourine ....x.......x...
        maracas    x.o.x.o.x.o.x.o.
        """,
        chorus="""
        kick       x...x...x...x...
        snare      ....x..o....x...
        tambourine ..x...x...x...x.
        """,
        bass=("R-------5-------", "R---5---R---5---", "R-----a-R---5---"),
        comping=("x-x-xxx-x-x-xxx-", "x---x-xxx---x-xx", "x-x-x-xx.xx-x-x-"),
        riff=("0.2.1.2.3.2.1.2.", "0213021302130213", "3---2-1-2-------"),
        kits="brush, standard, room",
        basses="acoustic bass, fretless bass, picked bass",
        compers="steel guitar, nylon guitar, piano, dulcimer",
        riffers="banjo, violin, accordion, harmonica, pan flute",
        pads="reed organ, cello, slow strings, accordion",
    ),
)
