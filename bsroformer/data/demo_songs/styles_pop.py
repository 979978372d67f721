"""Styles of pop, rock and the dance floor."""

from bsroformer.data.demo_songs.style import Style

POP_STYLES = (
    Style(
        name="pop",
        tempo=(96, 122),
        harmony="pop",
        verse="""
        kick       x.....x.x.......
        snare      ....x.......x...
        hat        x.o.x.o.x.o.x.o.
        """,
        chorus="""
        kick       x.....x.x.x.....
        snare      ....X.......X..o
        hat        x.x.x.x.x.x.x.x.
        tambourine ..x...x...x...x.
        """,
        bass=("R-----R-R-----5-", "R--R--R-R--R--a-", "R-R-R-R-R-R-5-a-"),
        comping=("x---x---x---x---", "x-----x---x-----", "x--x--x-x--x--x-"),
        riff=("0.1.2.1.0.1.2.1.", "2...1...0...1...", "0-1-2-3-2-1-0-1-"),
        kits="standard, room",
        basses="fingered bass, picked bass, synth bass",
        compers="piano, bright piano, steel guitar, rhodes",
        riffers="clean guitar, muted guitar, fm piano, music box",
        pads="strings, warm pad, synth strings, drawbar organ",
    ),
    Style(
        name="rock",
        tempo=(118, 152),
        harmony="rock",
        verse="""
        kick       x.......x.x.....
        snare      ....X.......X...
        hat        x.x.x.x.x.x.x.x.
        """,
        chorus="""
        kick       x.x.....x.x...x.
        snare      ....X.......X...
        crash      x.......x.......
        open       ..x.x.x...x.x.x.
        """,
        bass=("R.R.R.R.R.R.R.R.", "R-R-R-R-R-R-5-5-", "R---R-R-R---R-a-"),
        comping=("x-x-x-x-x-x-x-x-", "x-----x-x-----x-", "x---..x-x-x-..x-"),
        riff=("0-..2-1-0-..1-2-", "0.0.2.0.3.2.0.1.", "2-----1-0-------"),
        kits="power, room",
        basses="picked bass, fingered bass",
        compers="overdriven guitar, distortion guitar, clean guitar",
        riffers="overdriven guitar, rock organ, piano",
        pads="rock organ, strings, synth brass",
    ),
    Style(
        name="ballad",
        tempo=(66, 84),
        harmony="ballad",
        verse="""
        kick       x.......x.......
        stick      ....x.......x...
        hat        x.o.x.o.x.o.x.o.
        """,
        chorus="""
        kick       x.....x.x.......
        snare      ....X.......X...
        ride       x.x.x.x.x.x.x.x.
        """,
        bass=("R-------5-------", "R-----R-5-----3-", "R-------R-----a-"),
        comping=("x-------x-------", "x---x---x---x---", "x-x-x-x-x-x-x-x-"),
        riff=("0.1.2.3.2.1.2.1.", "0.2.1.2.3.2.1.2.", "3-------2---1---"),
        kits="standard, brush, room",
        basses="fretless bass, acoustic bass, fingered bass",
        compers="piano, rhodes, electric grand, nylon guitar",
        riffers="nylon guitar, harp, oboe, flute",
        pads="slow strings, warm pad, french horn",
    ),
    Style(
        name="funk",
        tempo=(94, 114),
        harmony="soul",
        verse="""
        kick       x..x......x..x..
        snare      ....X..o.o..X..o
        hat        xxxxxxxxxxxxxxxx
        """,
        chorus="""
        kick       x.x....x..x..x..
        snare      ....X..o.o..X.o.
        hat        x.xxx.x.x.xxx...
        open       ..............x.
        """,
        bass=("R..8..R...7.R.5.", "R.R...8.R..7.5.a", "R--R....8.R.7.5."),
        comping=("..x...xx..x..x..", "x..x..x...x.x...", "....x.x.....x.xx"),
        riff=("..0.1...2.1.0...", "0.0...2.0..1..0.", "..2-1.0...2-1.0."),
        kits="standard, room, power",
        basses="slap bass, slap bass 2, fingered bass",
        compers="clavinet, muted guitar, clean guitar, rhodes",
        riffers="brass, tenor sax, clean guitar, trumpet",
        pads="drawbar organ, strings, percussive organ",
    ),
    Style(
        name="disco",
        tempo=(110, 126),
        harmony="soul",
        verse="""
        kick       x...x...x...x...
        snare      ....x.......x...
        hat        x...x...x...x...
        open       ..x...x...x...x.
        """,
        chorus="""
        kick       x...x...x...x...
        snare      ....X.......X...
        clap       ....x.......x...
        hat        xx.xxx.xxx.xxx.x
        open       ..X...X...X...X.
        """,
        bass=("R.8.R.8.R.8.R.8.", "R.R.8.8.5.5.8.a.", "R..R8.R.R..R8.5."),
        comping=("..x-..x-..x-..x-", "x..x..x.x..x..x.", "..x...x...x..x.."),
        riff=("0.1.2.3.2.1.0.1.", "3---2---1---2---", "..0.0.1...2.1.0."),
        kits="standard, room",
        basses="fingered bass, slap bass, picked bass",
        compers="clean guitar, fm piano, bright piano, muted guitar",
        riffers="strings, brass, clavinet",
        pads="strings, synth strings",
    ),
    Style(
        name="house",
        tempo=(120, 130),
        harmony="dance",
        verse="""
        kick       x...x...x...x...
        clap       ....x.......x...
        hat        ..x...x...x...x.
        """,
        chorus="""
        kick       X...X...X...X...
        clap       ....X.......X...
        open       ..x...x...x...x.
        hat        x.oxx.oxx.oxx.ox
        """,
        bass=("..R...R...R...R.", "..R-..R-..8-..R-", "R..R..R.R..R..8."),
        comping=("x..x..x...x..x..", "x--x--x---x-x---", "..x...x...x...x."),
        riff=("0.2.1.3.0.2.1.3.", "0..1..2..3..2.1.", "0012301200123012"),
        kits="electronic, 808",
        basses="synth bass, synth bass 2",
        compers="bright piano, percussive organ, polysynth, fm piano",
        riffers="saw lead, square lead, crystal, marimba",
        pads="warm pad, sweep pad, synth strings",
    ),
    Style(
        name="hip-hop",
        tempo=(78, 96),
        harmony="soul",
        swing=0.56,
        verse="""
        kick       x......x..x.....
        snare      ....X.......X...
        hat        x.x.x.x.x.x.x.x.
        """,
        chorus="""
        kick       x..x...x..x..x..
        snare      ....X.......X..o
        hat        x.xxx.x.x.xxx.x.
        """,
        bass=("R-----..R--5....", "R--R....R-----a-", "R-------..R-7-5-"),
        comping=("x-------x-------", "x-----x---------", "..x-....x-......"),
        riff=("0...2...1...2...", "..0.1.2.....1...", "3-..2-..1-..0-.."),
        kits="808, electronic, standard",
        basses="synth bass 2, acoustic bass, fingered bass",
        compers="rhodes, piano, jazz guitar",
        riffers="vibraphone, flute, kalimba, pizzicato",
        pads="slow strings, warm pad",
    ),
    Style(
        name="half-time",
        tempo=(130, 150),
        harmony="dance",
        verse="""
        kick       x.....x.........
        snare      ........X.......
        hat        x.x.x.x.x.x.x.x.
        """,
        chorus="""
        kick       x.....x....x....
        snare      ........X.......
        hat        x.x.xxx.x.x.x.xx
        """,
        bass=("R---------------", "R-----R-----8---", "R-------..R-..R-"),
        comping=("x---------------", "x-------x-------", "x-----x-----x---"),
        riff=("0.1.2.1.3.1.2.1.", "0..2..1.0..2..3.", "2-------1-------"),
        kits="808, electronic",
        basses="synth bass, synth bass 2",
        compers="polysynth, piano, synth brass",
        riffers="music box, pizzicato, square lead, fantasia",
        pads="sweep pad, strings, synth strings",
    ),
    Style(
        name="breakbeat",
        tempo=(128, 164),
        harmony="dance",
        verse="""
        kick       x.x.......xx....
        snare      ....X..o.o..X..o
        hat        x.x.x.x.x.x.x.x.
        """,
        chorus="""
        kick       x.x.......x.....
        snare      ....X..o.o....X.
        ride       x.x.x.x.x.x.x.x.
        """,
        bass=("R-----..R---8---", "R..R..R...5.8...", "R-------7-----5-"),
        comping=("x---------------", "x--x--x---------", "....x-------x---"),
        riff=("0.2.3.2.1.2.3.2.", "0-3-2-1-0-3-2-1-", "..3..2..1..2...."),
        kits="standard, electronic, power",
        basses="synth bass, fingered bass, synth bass 2",
        compers="rhodes, fm piano, polysynth",
        riffers="saw lead, charang, vibraphone",
        pads="warm pad, atmosphere, synth strings",
    ),
)
