"""Look at an installation and say what is good, doubtful or wrong, and what to do.

Owns: what is worth looking at, and the words for it. Refuses: to change anything (nothing is made,
migrated or sent), and to speak to SQLite or Telegram itself: `store.inspection` and
`bot.inspection` do.
"""
