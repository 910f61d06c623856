"""Every word that a person reads, in one place, in every language that there is a catalogue for.

Owns prose; refuses decisions. English stands in the code, every other language is one file in
`locale/`, and adding a file adds the language. The chat's texts are plain text: nothing in them can
be taken for markup.
"""

from tgauth.texts.catalogue import Words, languages, load_languages, words_for

__all__ = ["Words", "languages", "load_languages", "words_for"]
