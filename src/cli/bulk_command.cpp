#include "bulk_command.hpp"

#include "bulk_report.hpp"
#include "bulk_send.hpp"
#include "bulk_source.hpp"
#include "connection.hpp"
#include "journal.hpp"
#include "mbox.hpp"
#include "run_guarded.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>

namespace postrider::cli {
namespace {

using json = nlohmann::ordered_json;

void refuse_contradictions(const send_choice& chosen) {
    parse_window(chosen.window);
    if (chosen.merge.empty() && chosen.messages.empty()) {
        throw usage_error("a journal is for messages that are there before they are sent",
                          "add --message FILE, or --merge LIST --template FILE");
    }
    if (chosen.dry_run && !chosen.journal.empty()) {
        throw usage_error("--dry-run sends nothing, so there is nothing to keep in a journal");
    }
    const bool from_input = chosen.merge == "-" || chosen.merge_template == "-" ||
                            std::count(chosen.messages.begin(), chosen.messages.end(), "-") != 0;
    if (chosen.connection.password_fd == 0 && from_input) {
        throw usage_error("standard input cannot be both the password and a message",
                          "use another descriptor, as in --password-fd 3 3<secret");
    }
    if (chosen.merge == "-" && chosen.merge_template == "-") {
        throw usage_error("standard input cannot be both the list and the template");
    }
}

// What is wrong with the list is said before anything is sent.
std::uint64_t survey(bulk_source& list) {
    std::uint64_t count = 0;
    for (bulk_item item; list.next(item); item = {}) {
        list.check(item);
        ++count;
    }
    list.rewind();
    if (count == 0) {
        throw command_error(exit_code::data, "there is no message to send",
                            "a list for --merge needs rows below its header");
    }
    return count;
}

// What the messages of a journal depend on, beside themselves.
json binding_of(const send_choice& chosen, const bulk_source& list) {
    const auto& envelope = chosen.envelope;
    json out{{"kind", chosen.merge.empty() ? "messages" : "merge"}};
    out["template"] = list.binding();
    out["--from"] = envelope.from;
    out["--envelope-from"] = envelope.has_envelope_from ? json(envelope.envelope_from) : json(nullptr);
    out["--to"] = envelope.to;
    out["--cc"] = envelope.cc;
    out["--bcc"] = envelope.bcc;
    return out;
}

void print_mbox_entry(const content& octets) {
    mbox_writer writer;
    print(mbox_writer::separator());
    auto reader = octets.read();
    for (auto chunk = reader.next(); !chunk || !chunk->empty(); chunk = reader.next()) {
        if (!chunk) {
            throw command_error(exit_code::data, "the content cannot be read any more");
        }
        print(writer.quoted({chunk->data(), chunk->size()}));
    }
    print(writer.finish());
}

// All messages as an mbox, which --message takes.
int dry_run(const send_choice& chosen, bulk_source& list, const server_url& where) {
    std::uint64_t number = 0;
    for (bulk_item item; list.next(item); item = {}) {
        try {
            if (!item.trouble.empty()) {
                throw command_error(exit_code::data, item.trouble);
            }
            const auto mail = list.prepare(item, fingerprint().add(std::uint64_t{++number}).key());
            const auto traits = sendable_traits(mail.mail.content);
            if (chosen.output.json) {
                print(dry_run_json(mail, where, traits, item.name));
                continue;
            }
            if (!chosen.output.quiet) {
                std::fputs(dry_run_text(mail, where, traits).c_str(), stderr);
            }
            print_mbox_entry(mail.mail.content);
        } catch (const command_error& error) {
            throw command_error(error.exit(), fmt::format("{}: {}", item.name, error.what()), error.next());
        }
    }
    return 0;
}

} // namespace

bool is_bulk(const send_choice& chosen) {
    return !chosen.merge.empty() || !chosen.journal.empty() || chosen.messages.size() > 1 ||
           (chosen.messages.size() == 1 && holds_many(chosen.messages.front()));
}

int send_bulk(const send_choice& chosen) {
    refuse_contradictions(chosen);
    auto connection = prepare_connection(chosen.connection, false);
    const auto list =
        chosen.merge.empty() ? finished_messages(chosen, connection.from) : merged_messages(chosen);
    const std::uint64_t count = survey(*list);
    if (chosen.dry_run) {
        return dry_run(chosen, *list, connection.where);
    }
    std::optional<journal> kept;
    if (!chosen.journal.empty()) {
        kept.emplace(chosen.journal, binding_of(chosen, *list));
    }
    // Only now: nobody should type a password for messages that cannot be sent anyway.
    connection = prepare_connection(chosen.connection, true);
    connection.options.window = parse_window(chosen.window);
    bulk_report report(chosen.output, connection.where);
    bulk_sender sender(chosen, std::move(connection.options), *list, kept ? &*kept : nullptr, report, count);
    return sender.run();
}

} // namespace postrider::cli
