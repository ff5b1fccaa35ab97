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

/// The envelope alone, for `check`: nobody has to be named. Throws command_error.
outgoing prepare_envelope(const envelope_choice& chosen, const std::string& account_from);

/// The message as a server with the given keywords would get it. Throws command_error (data).
content compose_for(const prepared_mail& mail, const capabilities& offered);

} // namespace postrider::cli
