"""`parcelhook endpoints`: connect webhooks, in the help page's words."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from parcelhook.cli import filters
from parcelhook.cli.connection import connected
from parcelhook.cli.output import as_json, exchange, facts, out, table
from parcelhook.client import ApiError
from parcelhook.webhooks.filters import Filters, in_words

app = typer.Typer(help="Connect webhooks: add, list, show, edit, test, delete.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint's id, ep_…")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Url = Annotated[str, typer.Option("--url", help="URL: where the events are sent.")]
NewUrl = Annotated[str | None, typer.Option("--url", help="URL: where the events are sent.")]
Events = Annotated[
    list[str] | None, typer.Option("--event", help="order_shipped, order_error or tracking_update; may be repeated.")
]
Label = Annotated[str | None, typer.Option("--label", help="A name of your own for it.")]
Username = Annotated[str | None, typer.Option("--username", help="Username, if your server asks for one.")]
Password = Annotated[
    str | None,
    typer.Option(
        "--password", envvar="PARCELHOOK_ENDPOINT_PASSWORD", help="Password. Others on this machine can see it here."
    ),
]
PasswordPrompt = Annotated[bool, typer.Option("--password-prompt", help="Ask for the Password, unseen.")]
Retry = Annotated[bool | None, typer.Option("--retry/--no-retry", help="Retry: send a failed webhook again.")]
Count = Annotated[int | None, typer.Option("--count-of-retry", help="Count of Retry, 1 to 10.")]
Headers = Annotated[
    list[str] | None, typer.Option("--header", help='Custom Header as "Key: Value"; may be repeated, replaces all.')
]
Rule = Annotated[str | None, typer.Option("--response-rule", help="json (2xx with JSON, or 204) or any_2xx.")]
Order = Annotated[str | None, typer.Option("--ordering", help="relaxed or strict.")]
Timeout = Annotated[int | None, typer.Option("--timeout-ms", help="Time limit of an exchange, 1000 to 30000.")]
Rate = Annotated[int | None, typer.Option("--rate-limit", help="Deliveries per second at most, 0 for no limit.")]
Concurrency = Annotated[int | None, typer.Option("--concurrency", help="Requests open at once, 1 to 100.")]
Form = Annotated[
    str | None,
    typer.Option("--format", help="page (the body alone), standard, cloudevents or cloudevents_binary."),
]


@app.command()
def add(
    url: Url,
    event: Events = None,
    label: Label = None,
    username: Username = None,
    password: Password = None,
    password_prompt: PasswordPrompt = False,
    retry: Retry = None,
    count_of_retry: Count = None,
    header: Headers = None,
    response_rule: Rule = None,
    ordering: Order = None,
    timeout_ms: Timeout = None,
    rate_limit: Rate = None,
    concurrency: Concurrency = None,
    form: Form = None,
    carrier: filters.Carriers = None,
    from_country: filters.FromCountries = None,
    to_country: filters.ToCountries = None,
    marketplace: filters.Marketplaces = None,
    code: filters.Codes = None,
    late: filters.Late = None,
    returns: filters.Returns = None,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Send the first connection; save if it passes.")
    ] = True,
    json: Json = False,
) -> None:
    """Add Webhook: a sample Order Shipped is sent first, and the endpoint is saved only if that passes."""
    fields = _fields(
        url=url, events=event, label=label, username=username, password=_password(password, ask=password_prompt),
        retry=retry, retry_count=count_of_retry, custom_headers=_headers(header), response_rule=response_rule,
        ordering=ordering, timeout_ms=timeout_ms, rate_limit=rate_limit, concurrency=concurrency,
        format=form, filters=filters.given(carrier, from_country, to_country, marketplace, code, late, returns),
    )  # fmt: skip
    fields.setdefault("events", [])
    with connected() as client:
        try:
            made = client.create_endpoint(verify=verify, **fields)
        except ApiError as error:
            if error.code != "verification_failed" or json:
                raise
            exchange(error.problem["exchange"])
            out.print("\nNot saved. Change what is said above and try again, or save it unverified with --no-verify.")
            raise typer.Exit(1) from None
    if json:
        as_json(made)
        return
    if made["verification"]:
        exchange(made["verification"])
        out.print(f"\nSaved as {made['id']}.")
    else:
        out.print(f"Saved as {made['id']}, not verified. Try it with `parcelhook endpoints test {made['id']}`.")


@app.command("list")
def list_all(json: Json = False) -> None:
    """All endpoints, oldest first."""
    with connected() as client:
        found = list(client.endpoints())
    if json:
        as_json(found)
        return
    table(
        ("Endpoint", "URL", "Events", "Retry", "State", "Waiting"),
        (
            (
                item["id"],
                item["url"],
                ", ".join(item["events"]),
                f"up to {item['retry_count']}" if item["retry"] else "off",
                item["state"] if item["verified"] else f"{item['state']}, not verified",
                str(item["waiting"]),
            )
            for item in found
        ),
        empty="No endpoint yet. Connect one with `parcelhook endpoints add --url … --event …`.",
    )


@app.command()
def show(endpoint: Id, json: Json = False) -> None:
    """One endpoint with all its settings."""
    with connected() as client:
        found = client.endpoint(endpoint)
    as_json(found) if json else _show(found)


@app.command()
def edit(
    endpoint: Id,
    url: NewUrl = None,
    event: Events = None,
    label: Label = None,
    username: Username = None,
    password: Password = None,
    password_prompt: PasswordPrompt = False,
    retry: Retry = None,
    count_of_retry: Count = None,
    header: Headers = None,
    response_rule: Rule = None,
    ordering: Order = None,
    timeout_ms: Timeout = None,
    rate_limit: Rate = None,
    concurrency: Concurrency = None,
    form: Form = None,
    carrier: filters.Carriers = None,
    from_country: filters.FromCountries = None,
    to_country: filters.ToCountries = None,
    marketplace: filters.Marketplaces = None,
    code: filters.Codes = None,
    late: filters.Late = None,
    returns: filters.Returns = None,
    no_filters: filters.NoFilters = False,
    json: Json = False,
) -> None:
    """Edit: change what is given, keep the rest. An empty --username "" removes Username and Password, --no-filters all filters."""
    fields = _fields(
        url=url, events=event, label=label, username=username, password=_password(password, ask=password_prompt),
        retry=retry, retry_count=count_of_retry, custom_headers=_headers(header), response_rule=response_rule,
        ordering=ordering, timeout_ms=timeout_ms, rate_limit=rate_limit, concurrency=concurrency,
        format=form,
    )  # fmt: skip
    wanted = filters.given(carrier, from_country, to_country, marketplace, code, late, returns)
    with connected() as client:
        if wanted or no_filters:
            before = {} if no_filters else client.endpoint(endpoint)["filters"]
            fields["filters"] = before | wanted
        changed = client.update_endpoint(endpoint, **fields)
    as_json(changed) if json else _show(changed)


@app.command()
def matching(
    event: Events = None,
    carrier: filters.Carriers = None,
    from_country: filters.FromCountries = None,
    to_country: filters.ToCountries = None,
    marketplace: filters.Marketplaces = None,
    code: filters.Codes = None,
    late: filters.Late = None,
    returns: filters.Returns = None,
    json: Json = False,
) -> None:
    """Count how many of the last day's events such an endpoint would have received; nothing is changed."""
    fields = _fields(
        events=event, filters=filters.given(carrier, from_country, to_country, marketplace, code, late, returns)
    )
    with connected() as client:
        found = client.count_matching(**fields)
    if json:
        as_json(found)
        return
    span = "the last day's" if found["exact"] else "the newest"
    out.print(f"{found['matching']:,} of {span} {found['events']:,} events would have been sent.")


@app.command()
def test(
    endpoint: Id,
    event: Annotated[str, typer.Option("--event", help="Which sample is sent.")] = "order_shipped",
    json: Json = False,
) -> None:
    """Test: send a sample now and display all the information transmitted. Exit code 1 if it does not pass."""
    with connected() as client:
        tried = client.test_endpoint(endpoint, event)
    as_json(tried) if json else exchange(tried)
    if not tried["passed"]:
        raise typer.Exit(1)


@app.command()
def delete(
    endpoint: Id, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False, json: Json = False
) -> None:
    """Delete an endpoint. What is still waiting for it is cancelled."""
    with connected() as client:
        found = client.endpoint(endpoint)
        if not yes:
            typer.confirm(f"Delete {found['url']} with {found['waiting']} waiting deliveries?", abort=True)
        done = client.delete_endpoint(endpoint)
    as_json(done) if json else out.print(f"Deleted; {done['cancelled_deliveries']} waiting deliveries cancelled.")


@app.command()
def enable(endpoint: Id, json: Json = False) -> None:
    """Let an endpoint receive again; what waited goes out."""
    with connected() as client:
        found = client.enable_endpoint(endpoint)
    as_json(found) if json else out.print(f"{found['id']} is active; {found['waiting']} deliveries go out.")


@app.command()
def disable(endpoint: Id, json: Json = False) -> None:
    """Let an endpoint receive nothing; what is accepted for it waits."""
    with connected() as client:
        found = client.disable_endpoint(endpoint)
    as_json(found) if json else out.print(f"{found['id']} is disabled; {found['waiting']} deliveries wait.")


@app.command()
def secret(
    endpoint: Id,
    rotate: Annotated[bool, typer.Option("--rotate", help="Make a new one.")] = False,
    overlap_s: Annotated[int, typer.Option("--overlap-s", help="Seconds that the old one signs too.")] = 86_400,
    json: Json = False,
) -> None:
    """The signing secret, or with --rotate a new one."""
    with connected() as client:
        found = client.rotate_secret(endpoint, overlap_s) if rotate else {"secret": client.secret(endpoint)}
    if json:
        as_json(found)
        return
    out.print(found["secret"])
    if found.get("previous_valid_until"):
        out.print(f"The one before signs too until {found['previous_valid_until']}.")


def _show(found: dict[str, Any]) -> None:
    shown = {
        "Endpoint": found["id"],
        "URL": found["url"],
        "Label": found["label"] or "-",
        "Events": ", ".join(found["events"]),
        "Username": found["username"] or "-",
        "Password": "set" if found["password_set"] else "-",
        "Retry": f"on, Count of Retry {found['retry_count']}" if found["retry"] else "off",
        "Custom Header": ", ".join(header["key"] for header in found["custom_headers"]) or "-",
        "Response rule": found["response_rule"],
        "Ordering": found["ordering"],
        "Time limit": f"{found['timeout_ms']} ms",
        "Rate limit": f"{found['rate_limit']} a second" if found["rate_limit"] else "none",
        "Concurrency": str(found["concurrency"]),
        "Filters": "; ".join(in_words(msgspec.convert(found["filters"], Filters))) or "-",
        "Format": found["format"],
        "State": found["state"] + (f": {found['state_reason']}" if found["state_reason"] else ""),
        "Verified": "yes" if found["verified"] else "no",
        "Waiting": f"{found['waiting']} deliveries",
        "Created": found["created_at"],
        "Changed": found["updated_at"],
    }
    facts(shown)


def _fields(**given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _password(given: str | None, *, ask: bool) -> str | None:
    return typer.prompt("Password", hide_input=True) if ask else given


def _headers(lines: list[str] | None) -> list[dict[str, str]] | None:
    if lines is None:
        return None
    found = []
    for line in lines:
        key, colon, value = line.partition(":")
        if not colon:
            raise typer.BadParameter(f'"{line}" has no colon; write it as "Key: Value".', param_hint="--header")
        found.append({"key": key.strip(), "value": value.strip()})
    return found
