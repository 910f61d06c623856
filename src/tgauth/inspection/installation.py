"""The whole round."""

from tgauth.inspection.findings import Finding, Verdict, ok, warning, wrong
from tgauth.settings import Reading


async def inspect(reading: Reading, *, is_offline: bool) -> list[Finding]:
    """Look at everything, in the order in which one would put it right.

    Args:
        reading: The settings as they were read.
        is_offline: Whether to leave out what asks Telegram or the issuer.
    """
    findings = settings_findings(reading)
    if any(one.verdict is Verdict.WRONG for one in findings):
        return findings
    from tgauth.inspection.network import (
        clock_finding,
        issuer_finding,
        port_finding,
        proxies_finding,
    )
    from tgauth.inspection.store import key_finding, library_finding, store_findings
    from tgauth.inspection.telegram import telegram_findings

    settings = reading.settings
    of_store, facts = await store_findings(settings)
    kids = facts.kids if facts else frozenset()
    findings += [*of_store, library_finding(), key_finding(settings, facts)]
    of_port, is_running = await port_finding(settings, kids)
    if not is_offline:
        findings += await telegram_findings(settings)
        findings.append(await clock_finding(settings.telegram.api_url))
    findings += [of_port, proxies_finding(settings)]
    if not is_offline:
        issuer = settings.issuer.parsed
        findings.append(await issuer_finding(issuer, kids, is_running=is_running))
    return findings


def settings_findings(reading: Reading) -> list[Finding]:
    """Say what is wrong with the settings, one line for each mistake."""
    if reading.mistakes:
        found = [
            wrong("settings", f"{one.key}: {one.found}", one.advice, is_configuration=True)
            for one in reading.mistakes
        ]
        if reading.hint is not None:
            found.append(warning("settings", "nothing is set up here yet", reading.hint))
        return found
    from tgauth.inspection.files import unusable_files

    unusable = unusable_files(reading.settings)
    if unusable:
        places = reading.places()
        return [
            wrong(
                "settings",
                f"{places.get(one.key, one.key)}: {one.found}",
                one.advice,
                is_configuration=True,
            )
            for one in unusable
        ]
    where = f"{reading.file} and the environment" if reading.file else "the environment"
    if reading.is_exposed:
        text = f"from {where}; the file holds a secret, and others can read it"
        return [warning("settings", text, f"chmod 600 {reading.file}")]
    return [ok("settings", f"from {where}")]
