#include <ferrule/error.hpp>
#include <ferrule/ferrule.hpp>

#include <iostream>

int main() {
    std::cout << "ferrule is usable\n";
}
