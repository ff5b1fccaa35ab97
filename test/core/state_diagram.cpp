#include "state_diagram.hpp"

#include "session_table.hpp"

namespace wire {

using namespace postrider;
namespace table = session_table;

namespace {

constexpr const char* state_names[] = {"greeting",      "ehlo",        "helo",  "starttls", "tls",  "auth",
                                       "auth_response", "auth_cancel", "ready", "rset",     "mail", "rcpt",
                                       "data",          "content",     "bdat",  "query",    "quit", "closed"};
static_assert(std::size(state_names) == table::states);

const char* timeout_name(std::uint32_t timeouts::*member) {
    struct named {
        std::uint32_t timeouts::*member;
        const char* name;
    };
    for (const named& n : {named{&timeouts::greeting, "greeting"}, named{&timeouts::command, "command"},
                           named{&timeouts::data_start, "data_start"},
                           named{&timeouts::data_done, "data_done"}, named{&timeouts::quit, "quit"}}) {
        if (n.member == member) {
            return n.name;
        }
    }
    return "";
}

std::string verb(const table::row& row) {
    std::string v = row.verb == nullptr ? "" : row.verb;
    while (!v.empty() && v.back() == ' ') {
        v.pop_back();
    }
    return v.empty() ? v : "`" + v + "`";
}

} // namespace

std::string state_diagram() {
    std::string page = R"(# The states of a session

Printed from the table in `src/core/session_table.hpp` by `state_diagram`; a test compares this page with it. The diagram shows the sender's cursor: which command
may come after which. Every state may also lead to `closed`, which is left out.

```mermaid
stateDiagram-v2
    [*] --> greeting
)";
    for (unsigned from = 0; from < table::states; ++from) {
        for (unsigned to = 0; to < table::states; ++to) {
            if ((table::rows[from].may_lead_to >> to & 1U) != 0) {
                page += std::string{"    "} + state_names[from] + " --> " + state_names[to] + "\n";
            }
        }
    }
    page += R"(    quit --> [*]
```

`timeout` is the member of `timeouts` that limits the wait for the reply. `others may follow`: with PIPELINING (RFC 2920) the next command need not wait for the reply.
The verb of `ehlo` is `LHLO` with LMTP; that of `query` is the question's; `content` and the responses of AUTH are written by code of their own.

| state | verb | a failure there is called | timeout | others may follow | leads to |
|---|---|---|---|---|---|
)";
    for (unsigned from = 0; from < table::states; ++from) {
        const table::row& row = table::rows[from];
        std::string next;
        for (unsigned to = 0; to < table::states; ++to) {
            if ((row.may_lead_to >> to & 1U) != 0) {
                next += (next.empty() ? "" : ", ") + std::string{state_names[to]};
            }
        }
        page += "| " + std::string{state_names[from]} + " | " + verb(row) + " | " +
                std::string{name(row.at)} + " | " + timeout_name(row.timeout) + " | " +
                (row.others_may_follow ? "yes" : "no") + " | " + next + " |\n";
    }
    return page;
}

} // namespace wire
