/// @file
/// The vendor's classes with futu's names. They are aliases: include this, instead of declaring `class FTAPI_Qot;`.
#ifndef CAPDIST_FTAPI_FTAPI_H
#define CAPDIST_FTAPI_FTAPI_H

#include "vendor.hpp"

namespace Futu {
using namespace capdist::vendor::integers;
}

using FTAPI = capdist::vendor::API;
using FTAPI_Conn = capdist::vendor::Conn;
using FTAPI_Qot = capdist::vendor::Qot;
using FTSPI_Conn = capdist::vendor::SPI_Conn;
using FTSPI_Qot = capdist::vendor::SPI_Qot;
using FTSPI_Trd = capdist::vendor::SPI_Trd;

#endif
