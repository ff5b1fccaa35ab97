#include <postrider/errc.hpp>

#include <iostream>

int main() {
    std::cout << postrider::message(postrider::errc::timed_out) << '\n';
    return postrider::name(postrider::errc::timed_out) == "timed_out" ? 0 : 1;
}
