// envelope_of.cpp - from a finished message: whom it is for, and what must not travel with it.
#include "address.hpp"
#include "header_fields.hpp"
#include "postrider/message.hpp"

#include <set>
#include <utility>

namespace postrider {
namespace {

constexpr std::size_t most_octets = std::size_t{32} * 1024 * 1024;

bool is_bcc(std::string_view name) {
    return name == "bcc" || name == "resent-bcc";
}

bool no_value(std::string_view) {
    return false;
}

std::string_view without_resent(std::string_view name) {
    constexpr std::string_view resent = "resent-";
    return name.starts_with(resent) ? name.substr(resent.size()) : name;
}

bool is_address_field(std::string_view name) {
    const std::string_view plain = without_resent(name);
    return plain == "from" || plain == "sender" || plain == "to" || plain == "cc" || plain == "bcc";
}

/// Collects both sets of addresses and decides at the end which one counts.
class envelope_reader {
  public:
    envelope_reader(const content& message, std::string* why)
        : fields_(message, is_address_field), why_(why) {}

    result<message_envelope> run() {
        raw_field field;
        for (;;) {
            const auto more = fields_.next(field);
            if (!more) {
                return refuse(why_, more.error(), "the message could not be read");
            }
            if (!*more) {
                newest_.resent = seen_resent_;
                return std::move(seen_resent_ ? newest_ : original_);
            }
            if (const errc e = take(field); e != errc::ok) {
                return e;
            }
        }
    }

  private:
    errc take(const raw_field& field) {
        if (!field.well_formed) {
            return refuse(
                why_, errc::bad_message,
                "the line at octet " + std::to_string(field.where.begin) + ", " + quoted(field.name) +
                    ", is not a header field; an empty line must part header and body (RFC 5322 2.1)");
        }
        const bool resent = field.name.starts_with("resent-");
        note_block(field.name, resent);
        if (!is_address_field(field.name) || (resent && newest_complete_)) {
            return errc::ok;
        }
        total_ += field.value.size();
        if (total_ > most_octets) {
            return refuse(why_, errc::bad_message, "the address fields hold more than 32 MiB");
        }
        std::string detail;
        auto parsed = parse_address_list(field.value, &detail);
        if (!parsed) {
            return refuse(why_, parsed.error(), field.name + ": " + detail);
        }
        return store(resent ? newest_ : original_, field.name, std::move(*parsed));
    }

    /// Blocks of resent fields stand newest first (RFC 5322 3.6.6); a trace field or a name for the second
    /// time begins the one before.
    void note_block(const std::string& name, bool resent) {
        const bool trace = name == "received" || name == "return-path";
        newest_complete_ =
            newest_complete_ || (seen_resent_ && trace) || (resent && !block_names_.insert(name).second);
        seen_resent_ = seen_resent_ || (resent && is_address_field(name));
    }

    errc store(message_envelope& into, const std::string& name, std::vector<address> list) {
        const std::string_view plain = without_resent(name);
        if (plain == "sender") {
            if (into.sender || list.size() != 1) {
                return refuse(why_, errc::bad_message,
                              name + ": exactly one address must stand in it, and it only once");
            }
            into.sender = std::move(list.front());
            return errc::ok;
        }
        if (plain == "from" && !into.from.empty()) {
            return refuse(why_, errc::bad_message, name + " stands in the header twice (RFC 5322 3.6)");
        }
        auto& target = plain == "from" ? into.from
                       : plain == "to" ? into.to
                       : plain == "cc" ? into.cc
                                       : into.bcc;
        target.insert(target.end(), std::make_move_iterator(list.begin()),
                      std::make_move_iterator(list.end()));
        return errc::ok;
    }

    header_fields fields_;
    std::string* why_;
    message_envelope original_;
    message_envelope newest_;
    std::set<std::string> block_names_;
    std::size_t total_ = 0;
    bool seen_resent_ = false;
    bool newest_complete_ = false;
};

} // namespace

std::vector<std::string> message_envelope::recipients() const {
    const std::vector<address>* const lists[] = {&to, &cc, &bcc};
    return distinct_mailboxes(lists);
}

std::string message_envelope::reverse_path() const {
    return sender ? sender->addr_spec : from.empty() ? std::string{} : from.front().addr_spec;
}

result<message_envelope> envelope_of(const content& message, std::string* why) {
    return envelope_reader(message, why).run();
}

result<content> without_bcc(const content& message) {
    header_fields fields(message, no_value);
    std::vector<octet_range> gaps;
    raw_field field;
    bool behind_cr = false;     // what is kept so far ends in a CR alone
    std::size_t trailing = 0;   // the first gap behind that
    std::uint64_t line_end = 0; // of the last field taken out
    for (;;) {
        const auto more = fields.next(field);
        if (!more) {
            return more.error();
        }
        if (!*more) {
            break;
        }
        if (is_bcc(field.name)) {
            gaps.push_back(field.where);
            line_end = field.line_end;
        } else {
            behind_cr = field.ends_in_cr;
            trailing = gaps.size();
        }
    }
    if (behind_cr && trailing < gaps.size() && fields.ended_at_lf()) {
        // That CR and the LF of the empty line would become one line end, and the header would not end here
        // any more: the line end of the last field taken out stays in its place.
        gaps[trailing].begin -= 1;
        gaps.back().end -= line_end;
    }
    return message.without(gaps);
}

} // namespace postrider
