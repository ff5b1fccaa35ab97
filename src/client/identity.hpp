// identity.hpp - what tells one correspondence from another: server, policy, credentials and the rest, as one
// value to compare.
//
// It is a hash under a key that this process drew for itself (HMAC-SHA-256). So it can be kept and compared
// for as long as anybody likes: without the key nobody can try passwords against it, and it says nothing in
// another process. Each part goes in with its size in front, so that two different options never run together
// to the same octets.
#pragma once

#include "postrider/client.hpp"

#include <string>

namespace postrider::line {

/// What a TLS session may depend on: the server, its TLS mode, every tls_options with the state of the files
/// they name, the credentials, the name for EHLO, the source address. 32 octets.
std::string identity_of(const client_options& options);

/// That and every other option but the functions: what a kept session may depend on. 32 octets.
std::string destination_of(const client_options& options);

/// Neither a CA is named nor a pin, with which nothing else is looked at.
bool trusts_the_system(const tls_options& options);

/// What the trusted CAs and the revocation lists depend on: the files and folders, those of the system where
/// none are named, with their state. 32 octets.
std::string trust_of(const tls_options& options);

/// The options hold functions, which nobody can compare.
bool has_functions(const client_options& options);

/// How a server is known to what is remembered of servers: "mail.example.org:587", "unix:/path".
std::string site_of(const server& s);

} // namespace postrider::line
