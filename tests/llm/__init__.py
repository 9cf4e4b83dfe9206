"""A server that speaks the Messages API as models do: real HTTP and SSE on loopback, answers by script, faults on demand.

    def test_it(llm_server: LLMServer) -> None:
        llm_server.script = [faults.overloaded(), answer("Here is the fix.")]     # one after the other
        llm_server.script = lambda asked: answer(thinking("hm"), use("read_file", path="a.py"))   # or by the request
        ...                                                       # run something with llm_server.environ
        assert llm_server.cost(PriceTable({})) == ...             # what it has billed, whatever the client knows of it

- `llm_server.environ` is what a client, or a process, needs to have set; `.url` and `.key` are the parts of it.
- `llm_server.requests` is what was received, in order; `.asked` the bodies of those that wanted an answer; `.bills` what
  was billed, one entry for each request that came to be worked on.
- Tokens are a quarter of the bytes, of each block on its own. What comes from the cache, and what goes there, is counted by
  the rules of the API: an exact prefix (tools, then system, then messages) up to a mark, at least 512 tokens of it,
  looked for up to 20 blocks before each mark, kept for five minutes or an hour; `llm_server.now` can be set forward.
- An answer longer than `max_tokens` is cut there, and one that does not fit in the context window too (`.windows`).
- Counting tokens is free, and no answer of the script; `.count_fault` comes in the place of the number. So is the list of
  models, with the `.stages` that they are at; `.list_fault` comes in its place.
- A request that the API would refuse gets its 400; what is wrong stands in `.violations`, which the fixture wants to be
  empty at the end. So do answers of ours that are none by the SDK's own types.

Where it differs: no batches, no server tools, no files; one organization, whose limits are the script's.
"""

from tests.llm import faults
from tests.llm.answers import Answer, answer, thinking, use
from tests.llm.faults import Fault
from tests.llm.server import LLMServer

__all__ = ["Answer", "Fault", "LLMServer", "answer", "faults", "thinking", "use"]
