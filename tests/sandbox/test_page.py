"""The chat page in a real browser: presses, edits, people, and a sandbox that goes away."""

import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.e2e.browser import DESKTOP, browser, needs_browser
from tests.sandbox.helpers import Sandbox, started

pytestmark = [pytest.mark.browser, needs_browser]

GO = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser."""
    with browser() as running:
        yield running


@pytest.fixture
def page(chromium: Browser, sandbox: Sandbox) -> Iterator[Page]:
    """The chat page, open as Ada, who has written; nothing wrong was logged."""
    sandbox.user_id = 1001
    wrong: list[str] = []
    with chromium.new_context(**DESKTOP) as context:
        opened = context.new_page()
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        opened.goto(sandbox.url)
        sandbox.say("/start")
        expect(opened.locator(".mine").last).to_contain_text("/start")
        yield opened
    assert wrong == []


def query(sandbox: Sandbox) -> Any:
    """Wait for the press that the page made."""
    while True:
        for update in sandbox.ok("getUpdates", offset=-1, timeout=10):
            if "callback_query" in update:
                return update["callback_query"]


def test_a_press_turns_until_it_is_answered(page: Page, sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#callbackquery: "a progress bar until you call"."""
    sandbox.send("Shall I?", reply_markup=GO)
    button = page.get_by_role("button", name="Go").last
    button.click()
    expect(button).to_have_attribute("aria-busy", "true")
    answer = {"callback_query_id": query(sandbox)["id"], "text": "As you wish"}
    sandbox.ok("answerCallbackQuery", **answer)
    expect(page.get_by_role("status").filter(has_text="As you wish")).to_be_visible()
    expect(button).not_to_have_attribute("aria-busy", "true")


def test_an_alert_is_a_dialog(page: Page, sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#answercallbackquery `show_alert`; it is closed by keyboard."""
    sandbox.send("Shall I?", reply_markup=GO)
    page.get_by_role("button", name="Go").last.click()
    answer = {"callback_query_id": query(sandbox)["id"], "text": "Wrong number"}
    sandbox.ok("answerCallbackQuery", **answer, show_alert=True)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Wrong number")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()


def test_an_answer_can_start_the_bot(page: Page, sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#answercallbackquery `url`: opens the bot with a parameter."""
    sandbox.send("Shall I?", reply_markup=GO)
    page.get_by_role("button", name="Go").last.click()
    url = "https://t.me/demo_bot?start=abc"
    sandbox.ok("answerCallbackQuery", callback_query_id=query(sandbox)["id"], url=url)
    expect(page.locator(".mine").last).to_contain_text("/start abc")


def test_edits_are_shown_at_once(page: Page, sandbox: Sandbox) -> None:
    """The new text, the mark, and no keyboard any more; a deleted message goes."""
    sent = sandbox.send("This link works", reply_markup=GO)
    target = {"chat_id": 1001, "message_id": sent["message_id"]}
    message = page.locator(".message").filter(has_text="This link")
    expect(message.get_by_role("button", name="Go")).to_be_visible()
    sandbox.ok("editMessageText", **target, text="<s>This link</s> expired", parse_mode="HTML")
    expect(message).to_contain_text("expired")
    expect(message).to_contain_text("edited")
    expect(message.get_by_role("button")).to_have_count(0)
    sandbox.ok("deleteMessage", **target)
    expect(message).to_have_count(0)


def test_a_long_chat_scrolls_in_its_place(page: Page, sandbox: Sandbox) -> None:
    """The page itself stays where it is: nothing below it to scroll into."""
    for number in range(30):
        sandbox.say(f"message {number}")
    expect(page.locator(".mine").last).to_contain_text("message 29")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")


def test_a_link_button_is_a_link(page: Page, sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#inlinekeyboardbutton `url`: opened, and never told to the bot."""
    markup = {"inline_keyboard": [[{"text": "Open", "url": "https://e.example/x"}]]}
    sandbox.send("Here", reply_markup=markup, protect_content=True)
    link = page.get_by_role("link", name="Open").last
    expect(link).to_have_attribute("href", "https://e.example/x")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    expect(page.locator(".message").last).to_contain_text("Protected")


def test_each_person_reads_their_own_language(page: Page, sandbox: Sandbox) -> None:
    """The menu is the one for the person's language, or the one for everybody else."""
    login = {"command": "login", "description": "Log in"}
    sandbox.ok("setMyCommands", commands=[login])
    russian = {**login, "description": "Войти"}
    sandbox.ok("setMyCommands", commands=[russian], language_code="ru")
    menu = page.get_by_role("group", name="Commands of the bot")
    for name, language, text in (("Иван", "ru", "Войти"), ("Grete", "de", "Log in")):
        page.locator("#people").get_by_role("button", name=name).click()
        expect(menu).to_contain_text(text)
        expect(menu).to_have_attribute("lang", language)
        menu.get_by_role("button").click()
        expect(page.locator(".mine").last).to_contain_text("/login")
        message = sandbox.ok("getUpdates", offset=-1, timeout=10)[0]["message"]
        assert message["from"]["language_code"] == language
    sandbox.ok("deleteMyCommands", language_code="ru")
    sandbox.ok("deleteMyCommands")


def test_the_bots_description_stands_in_an_empty_chat(page: Page, sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#setmydescription: "shown in the chat … if the chat is empty"."""
    sandbox.ok("setMyDescription", description="Logs you in")
    sandbox.ok("setMyDescription", description="Впускает вас", language_code="ru")
    page.evaluate("sessionStorage.setItem('person', '4711')")
    sandbox.post("/control/accounts", user_id=4711, language_code="ru")
    page.reload()
    expect(page.locator(".empty")).to_contain_text("Впускает вас")


def test_everything_is_reached_by_keyboard(page: Page, sandbox: Sandbox) -> None:
    """Enter sends, and Tab comes to the buttons of a message."""
    sandbox.send("Shall I?", reply_markup=GO)
    page.get_by_role("textbox").fill("by keyboard")
    page.keyboard.press("Enter")
    expect(page.locator(".mine").last).to_contain_text("by keyboard")
    page.get_by_role("log").focus()
    buttons = page.get_by_role("button", name="Go")
    for _ in range(40):
        page.keyboard.press("Tab")
        if buttons.last.evaluate("node => node === document.activeElement"):
            break
    expect(buttons.last).to_be_focused()
    page.keyboard.press("Enter")
    assert query(sandbox)["data"] == "go"


def test_a_blocked_bot(page: Page, sandbox: Sandbox) -> None:
    """What is written to it is kept, and the page says why it was not sent."""
    page.get_by_role("button", name="Block", exact=True).click()
    expect(page.get_by_role("button", name="Unblock")).to_be_visible()
    page.get_by_role("textbox").fill("hello?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Not sent: the person blocked the bot")
    expect(page.get_by_role("textbox")).to_have_value("hello?")
    page.get_by_role("button", name="Unblock").click()
    expect(page.get_by_role("button", name="Block", exact=True)).to_be_visible()
    page.get_by_role("textbox").press("Enter")
    expect(page.locator(".mine").last).to_contain_text("hello?")
    expect(page.get_by_role("textbox")).to_have_value("")
    assert sandbox.chat()["messages"][-1]["text"] == "hello?"


def test_a_sandbox_that_goes_and_comes_again(chromium: Browser) -> None:
    """The message stays in the field meanwhile, and the new run's messages are all shown."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = ("telegram", "--token", Sandbox.token, "--no-limits", "--port", port)
    with chromium.new_context(**DESKTOP) as context:
        page = context.new_page()
        with started(*command) as url:
            page.goto(url)
            for number in range(5):
                page.get_by_role("textbox").fill(f"before {number}")
                page.keyboard.press("Enter")
                expect(page.locator(".mine").last).to_contain_text(f"before {number}")
        expect(page.get_by_text("The sandbox does not answer. Trying again")).to_be_visible()
        page.get_by_role("button", name="/start").last.click()
        expect(page.get_by_role("textbox")).to_have_value("/start")
        page.get_by_role("textbox").fill("not lost")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Your message is kept")
        expect(page.get_by_role("textbox")).to_have_value("not lost")
        with started(*command) as url:
            sandbox = Sandbox(url)
            sandbox.user_id = 1001
            sandbox.say("after")
            expect(page.locator(".mine")).to_have_count(1)
            expect(page.locator(".mine")).to_contain_text("after")
            expect(page.get_by_text(re.compile("was started again"))).to_be_visible()
            expect(page.get_by_text("Trying again")).to_be_hidden()
            page.get_by_role("textbox").press("Enter")
            expect(page.locator(".mine").last).to_contain_text("not lost")
            sandbox.close()


def test_a_link_offers_start(page: Page, sandbox: Sandbox) -> None:
    """core.telegram.org/bots/features#deep-linking: "START … in the place of the input field"."""
    page.goto(f"{sandbox.url}/demo_bot?start=abc-1")
    button = page.get_by_role("button", name="START", exact=True)
    expect(button).to_be_visible()
    expect(page.get_by_role("textbox")).to_be_hidden()
    page.reload()
    button.click()
    expect(page.locator(".mine").last).to_contain_text("/start abc-1")
    expect(button).to_be_hidden()
    expect(page.get_by_role("textbox")).to_be_visible()
    page.reload()
    expect(page.get_by_role("textbox")).to_be_visible()
    expect(button).to_be_hidden()


def test_start_waits_for_the_person_who_is_chosen(page: Page, sandbox: Sandbox) -> None:
    """Whoever one is when START is pressed sends it."""
    page.goto(f"{sandbox.url}/demo_bot?start=abc-2")
    page.locator("#people").get_by_role("button", name="Иван").click()
    page.get_by_role("button", name="START", exact=True).click()
    expect(page.locator(".mine").last).to_contain_text("/start abc-2")
    assert 1002 == sandbox.ok("getUpdates", offset=-1, timeout=10)[0]["message"]["from"]["id"]


def test_an_application_that_sends_at_once_shows_no_start(page: Page, sandbox: Sandbox) -> None:
    """telegramdesktop/tdesktop issue 28127: where the chat was started before."""
    sandbox.post("/control/accounts", user_id=1001, deep_links="send")
    page.goto(f"{sandbox.url}/demo_bot?start=abc-3")
    expect(page.locator(".mine").last).to_contain_text("/start abc-3")
    expect(page.get_by_role("textbox")).to_be_visible()
    sandbox.post("/control/accounts", user_id=1001, deep_links="ask")


def test_a_start_that_fails_is_offered_again(page: Page, sandbox: Sandbox) -> None:
    """The page says why, and nothing is lost."""
    page.goto(f"{sandbox.url}/demo_bot?start=abc-4")
    button = page.get_by_role("button", name="START", exact=True)
    sandbox.post("/chat/blocks", user_id=1001, blocked=True)
    button.click()
    expect(page.get_by_role("alert")).to_contain_text("Not started: the person blocked the bot")
    sandbox.post("/chat/blocks", user_id=1001, blocked=False)
    button.click()
    expect(page.locator(".mine").last).to_contain_text("/start abc-4")


def test_a_quiet_message_says_so(page: Page, sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#sendmessage: `disable_notification`."""
    sandbox.send("for the night", disable_notification=True)
    expect(page.locator(".message").last).to_contain_text("Silent")
    sandbox.send("for the day")
    expect(page.locator(".message").last).not_to_contain_text("Silent")


def test_the_page_points_at_the_other_door(chromium: Browser) -> None:
    """A login can begin in an application, too: beside the chat, and in one that is empty."""
    shop = "http://127.0.0.1:9/"
    command = ("telegram", "--token", Sandbox.token, "--application", shop)
    with chromium.new_context(**DESKTOP) as context, started(*command) as url:
        page = context.new_page()
        page.goto(url)
        links = page.get_by_role("link", name="sample application")
        expect(links).to_have_count(2)
        for link in links.all():
            expect(link).to_have_attribute("href", shop)
            expect(link).to_be_visible()


def test_drafts_are_each_persons_own(page: Page) -> None:
    """What one person has typed is not in another's field, and is there on coming back."""
    page.get_by_role("textbox").fill("from Ada")
    people = page.locator("#people")
    people.get_by_role("button", name="Иван").click()
    expect(page.get_by_role("textbox")).to_have_value("")
    people.get_by_role("button", name="Ada").click()
    expect(page.get_by_role("textbox")).to_have_value("from Ada")
