// connection.hpp - from what was said on the command line and in the config file to the options of a client.
#pragma once

#include "options.hpp"
#include "postrider/client.hpp"
#include "url.hpp"

#include <string>

namespace postrider::cli {

/// Everything about the line, settled before anything is sent.
struct prepared_connection {
    client_options options;
    server_url where;
    std::string account; ///< its name; empty when none is used
    std::string from;    ///< the account's sender
};

/// Resolves account, URL, files and, when `with_password`, the password. Throws command_error.
prepared_connection prepare_connection(connection_choice chosen, bool with_password);

} // namespace postrider::cli
