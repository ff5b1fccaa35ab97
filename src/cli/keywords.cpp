#include "keywords.hpp"

#include "postrider/capabilities.hpp"
#include "postrider/sasl.hpp"
#include "show.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace postrider::cli {
namespace {

struct entry {
    std::string_view keyword;
    std::string_view meaning;
};

// The registry of SMTP service extensions, as far as servers use it. "used" says that postrider does.
constexpr std::array table{
    entry{"8BITMIME", "takes 8-bit text as it is (RFC 6152); used"},
    entry{"ATRN", "gives a client its queued mail on the same connection (RFC 2645); not used"},
    entry{"BINARYMIME", "takes binary content, with CHUNKING (RFC 3030)"},
    entry{"BURL", "takes content from an IMAP server (RFC 4468); not used"},
    entry{"CHECKPOINT", "can resume a message that broke off (RFC 1845); not used"},
    entry{"CHUNKING", "takes content in counted chunks, BDAT (RFC 3030); used"},
    entry{"CONNEG", "tells what a mailbox can take (RFC 4141); not used"},
    entry{"CONPERM", "takes permission to convert content (RFC 4141); not used"},
    entry{"DELIVERBY", "takes a time limit for delivery (RFC 2852); not used"},
    entry{"DSN", "sends delivery notifications as asked for (RFC 3461); used by --dsn"},
    entry{"ENHANCEDSTATUSCODES", "says more precisely what is wrong (RFC 2034); shown"},
    entry{"ETRN", "starts the delivery of queued mail on request (RFC 1985); not used"},
    entry{"EXPN", "tells the members of a mailing list (RFC 5321)"},
    entry{"FUTURERELEASE", "holds mail until a given time (RFC 4865); not used"},
    entry{"HELP", "answers HELP (RFC 5321)"},
    entry{"LIMITS", "tells its limits in advance (RFC 9422); not used"},
    entry{"MT-PRIORITY", "takes a priority for the transfer (RFC 6710)"},
    entry{"MTRK", "lets a message be tracked (RFC 3885); not used"},
    entry{"NO-SOLICITING", "wants advertising marked (RFC 3865); not used"},
    entry{"PIPECONNECT", "takes commands before its greeting (Exim's); not used"},
    entry{"PIPELINING", "takes several commands at once (RFC 2920); used: fewer round trips"},
    entry{"PRDR", "answers per recipient after the content (a draft); not used"},
    entry{"REQUIRETLS", "can insist on TLS all the way (RFC 8689); not used"},
    entry{"RRVS", "delivers only if the mailbox kept its owner (RFC 7293); not used"},
    entry{"SMTPUTF8", "takes UTF-8 addresses and headers (RFC 6531); used where needed"},
    entry{"STARTTLS", "can encrypt the line (RFC 3207); used"},
    entry{"SUBMITTER", "takes the responsible submitter (RFC 4405); not used"},
    entry{"UTF8SMTP", "an old experiment with UTF-8 (RFC 5336); not used"},
    entry{"VERP", "makes a bounce address per recipient (Postfix's XVERP); not used"},
    entry{"VRFY", "answers whether an address exists (RFC 5321); servers rarely tell the truth"},
    entry{"XCLIENT", "takes another client's address from a proxy (Postfix's); not used"},
    entry{"XFORWARD", "takes another client's address for logging (Postfix's); not used"},
    entry{"XVERP", "makes a bounce address per recipient (Postfix's); not used"},
};

std::string explain_size(std::string_view parameter) {
    std::uint64_t limit = 0;
    const auto [end, failure] = std::from_chars(parameter.data(), parameter.data() + parameter.size(), limit);
    if (parameter.empty()) {
        return "takes the size in advance, tells no limit (RFC 1870); used";
    }
    if (failure != std::errc{} || end != parameter.data() + parameter.size()) {
        return "its limit is no number: taken as none";
    }
    return limit == 0 ? std::string("takes the size in advance, has no fixed limit (RFC 1870); used")
                      : fmt::format("takes messages up to {} (RFC 1870); used", readable_size(limit));
}

std::string explain_auth(std::string_view mechanisms) {
    std::string ours;
    for (auto rest = mechanisms; !rest.empty();) {
        const auto word = next_word(rest);
        if (std::any_of(sasl_mechanisms.begin(), sasl_mechanisms.end(),
                        [word](std::string_view name) { return equal_ignoring_case(word, name); })) {
            ours.append(ours.empty() ? "" : ", ").append(word);
        } else if (word.empty()) {
            break;
        }
    }
    return "authenticates users (RFC 4954); of its mechanisms postrider has " +
           (ours.empty() ? "none" : ours);
}

explained_keyword explain(const std::string& line) {
    explained_keyword out{line, "unknown to postrider, and not needed", false};
    std::string_view rest = line;
    const auto word = next_word(rest, true);
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '=')) {
        rest.remove_prefix(1);
    }
    if (equal_ignoring_case(word, "SIZE") || equal_ignoring_case(word, "AUTH")) {
        out.meaning = equal_ignoring_case(word, "SIZE") ? explain_size(rest) : explain_auth(rest);
        out.known = true;
        return out;
    }
    const auto* found = std::find_if(table.begin(), table.end(), [word](const entry& one) {
        return equal_ignoring_case(one.keyword, word);
    });
    if (found != table.end()) {
        out.meaning = found->meaning;
        out.known = true;
    }
    return out;
}

} // namespace

std::vector<explained_keyword> explain_keywords(std::string_view reply) {
    const auto lines = lines_of(reply);
    std::vector<explained_keyword> out;
    for (std::size_t i = 1; i < lines.size(); ++i) {
        out.push_back(explain(lines[i]));
    }
    return out;
}

} // namespace postrider::cli
