// support.hpp - what the tests of the client share.
#pragma once

#include "postrider/client.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

namespace postrider::test {

/// A folder that goes with the test.
class temporary_folder {
  public:
    temporary_folder()
        : path_((std::filesystem::temp_directory_path() / "postrider-client-XXXXXX").string()) {
        if (::mkdtemp(path_.data()) == nullptr) {
            std::abort();
        }
    }
    ~temporary_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;

    std::string file(const std::string& name) const { return path_ + "/" + name; }
    std::string file_with(const std::string& name, const std::string& text) const {
        std::ofstream(file(name), std::ios::binary) << text;
        return file(name);
    }

  private:
    std::string path_;
};

/// Whether clients and pools are told that one thread runs their context: the tests are run both ways.
inline bool implicit_strand() {
    return std::getenv("POSTRIDER_TEST_IMPLICIT_STRAND") != nullptr;
}

inline client_options options_for(std::uint16_t port, tls_policy tls = tls_policy::none) {
    client_options o;
    o.implicit_strand = implicit_strand();
    o.server.host = "127.0.0.1";
    o.server.port = port;
    o.server.tls = tls;
    return o;
}

inline outgoing mail_to(std::vector<addressee> recipients,
                        std::string text = "Subject: hello\r\n\r\nHello.\r\n") {
    outgoing m;
    m.from = "sender@example.org";
    m.recipients = std::move(recipients);
    m.content = content(std::move(text));
    return m;
}

/// Everything that says what broke, for messages of failed expectations.
inline std::string explain(const status& s) {
    return std::string(name(s.error)) + " at " + std::string(name(s.at)) + " " + std::to_string(s.code) +
           " " + s.text + " / " + s.detail;
}

} // namespace postrider::test
