"""A local Telegram and a sample application: what `tgauth demo` and the tests talk to.

It owns an in-memory Telegram (the Bot API over HTTP, a web chat for people, controls for
faults) and a small application that logs people in. Nothing here touches the network beyond
loopback, and nothing is kept on disk.

It refuses to know tgauth: no module here imports the rest of the package, so a
misunderstanding of Telegram's rules, or of the tokens, cannot sit on both sides. Each rule of
the Bot API cites the public source it was read from. Where a rule is not public, the stricter
reading is taken: a fake that is too kind hides bugs.

The map:

- `telegram`: composes the server; `world`, `people`, `chats`, `updates`, `flood`, `webhooks`,
  `commands` and `descriptions` hold its state; `texts`, `html_markup`, `markdown_markup`, `links`
  and `keyboards` read what a bot sends.
- `sayings`, `starts`, `callbacks` and `standings` are what people do: write, open links, press,
  block, join, move.
- `methods`, `messages` and `edits` are the Bot API methods, `botapi` their HTTP face; `chat` is
  the person's side; `control` and `populace` are the test's.
- `sample_app`: the application, readable from top to bottom; `sample_pages` is what it says.
- `serving`, `process`, `pages`: one Hypercorn on a loopback socket, the process around
  it, and what its pages share.
"""
