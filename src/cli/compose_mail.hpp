// compose_mail.hpp - from the options of `send` to a message and its envelope.
#pragma once

#include "options.hpp"
#include "postrider/client.hpp"
#include "postrider/message.hpp"

#include <string>

namespace postrider::cli {

/// A message that is ready to go, and what there is to say about it.
struct prepared_mail {
    outgoing mail;
    std::string message_id; ///< with angle brackets; empty when a finished message has none
    bool finished = false;  ///< it was given whole: nothing is composed
};

/// Whether the text or the message comes from there.
bool reads_standard_input(const send_choice& chosen);

/// Reads files and standard input, settles Message-ID and Date, so that a message that is composed again
/// stays the same message. `account_from` is the sender where no option names one. Throws command_error
/// (usage, data).
prepared_mail prepare_mail(const send_choice& chosen, const std::string& account_from);

/// The same for a finished message that has been opened.
prepared_mail prepare_finished(const send_choice& chosen, const content& whole,
                               const std::string& account_from);

/// Options that would change a finished message; `because` names the option that gives it. Throws
/// command_error (usage).
void refuse_composing_options(const send_choice& chosen, std::string_view because);

/// A file, or standard input as "-"; `option` stands in the error. Throws command_error (data).
content open_content(const std::string& path, std::string_view option);

/// The Message-ID as it stands in the header, for the report; empty when there is none.
std::string message_id_of(const content& octets);

/// Exactly one address, without its display name; `what` stands in the error. Throws command_error (data).
std::string one_mailbox(std::string_view what, const std::string& text);

/// --all-or-nothing and --dsn. Throws command_error (usage).
void set_delivery_options(const send_choice& chosen, outgoing& mail);

/// Throws command_error (data) for what no server could take.
content_traits sendable_traits(const content& octets);

/// The envelope alone, for `check`: nobody has to be named. Throws command_error.
outgoing prepare_envelope(const envelope_choice& chosen, const std::string& account_from);

/// The message as a server with the given keywords would get it. Throws command_error (data).
content compose_for(const prepared_mail& mail, const capabilities& offered);

} // namespace postrider::cli
