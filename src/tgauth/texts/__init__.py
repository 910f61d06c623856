"""Every word that a person reads in the chat, in one place.

Owns prose; refuses decisions. Formatting is plain text: nothing in it can be taken for markup.
"""

from tgauth.texts.chat import button_label, commands, message

__all__ = ["button_label", "commands", "message"]
