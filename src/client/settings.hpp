// settings.hpp - what a client was told, checked once and then the same for all its sessions.
#pragma once

#include "host_name.hpp"
#include "login.hpp"
#include "mask.hpp"
#include "postrider/client.hpp"
#include "tls.hpp"

#include <memory>
#include <string>

namespace postrider::line {

/// Immutable once it is made, so that several sessions on several threads may share it.
struct settings {
    explicit settings(client_options given);
    settings(const settings&) = delete;
    settings& operator=(const settings&) = delete;

    /// A session's configuration, all but the mechanisms: those belong to one session each.
    session_config config() const;

    client_options options;
    line::mask mask;
    std::string client_name;
    host_name host;
    std::unique_ptr<tls_context> tls;
    /// What cannot be used as it is set; empty when everything can.
    std::string misconfiguration;
    /// How the server is known to what is remembered of servers.
    std::string site;

  private:
    void check_client_name();
    void check_host();
    void check_tls();
    void misconfigured(std::string why);
};

} // namespace postrider::line
