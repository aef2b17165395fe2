"""A job's stream: what is written, by whom, and how it is read again (JOBS.md 17-21).

    worker thread ── text ──► Flusher ──► XADD  corral:stream:<job>   the record
                               (20 ms)└─► PUBLISH corral:frames:<..>  the fast way
                                                   │
    a response ◄── Mailbox ◄── Hub, one per API process
         └── on a gap, on silence: XRANGE the record; in the end: MySQL

Entry ids are ours, `<attempt>-<seq>`, so Redis itself refuses a zombie's frames and a
repeated XADD. `<attempt>-0` is the reset; `<attempt>-18446744073709551615` is the end
written by somebody who is not the holder, which shuts the attempt against its zombie.
"""
