#include "loopback_server.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>

namespace {

std::string output_of(const std::string& command, int& status) {
    std::string text;
    auto* pipe = popen(command.c_str(), "r");
    std::array<char, 256> part{};
    while (fgets(part.data(), part.size(), pipe) != nullptr)
        text += part.data();
    status = pclose(pipe);
    return text;
}

TEST(hosted_netx_program, a_c_application_runs_unchanged_and_ends) {
    std::string heard;
    {
        test::loopback_server server([&](test::peer& p) {
            heard = p.read(13);
            p.send("250 host\r\n");
            p.closed_by_peer();
        });
        int status = -1;
        EXPECT_EQ(output_of(std::string(HOSTED_NETX_PROGRAM " ") + std::to_string(server.port()), status),
                  "250 host\r\n");
        EXPECT_EQ(status, 0);
    }
    EXPECT_EQ(heard, "EHLO device\r\n");
}

} // namespace
