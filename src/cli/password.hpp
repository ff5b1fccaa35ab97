// password.hpp - where a password comes from. Never from an argument: arguments are there for all to see.
#pragma once

#include "account.hpp"
#include "options.hpp"
#include "postrider/secret.hpp"

#include <string>

namespace postrider::cli {

/// The password for `user`, from the first of these that is given: the options, the variable
/// POSTRIDER_PASSWORD, the account, the person at the terminal. Throws command_error: usage when there is
/// none, configuration when its source fails.
secret find_password(const connection_choice& chosen, const account* from, const std::string& user);

/// Takes POSTRIDER_PASSWORD out of the environment, and its octets out of the memory that /proc shows.
/// Called at the start, so that no child inherits it.
void take_password_variable();

} // namespace postrider::cli
