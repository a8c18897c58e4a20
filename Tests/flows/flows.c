/* Plays Tests/cases/flows.json in C. Tests/flows/play.py describes the input and output. */
#include <capdist.h>

#include <stdio.h>

int main(void) {
    double in[4], out[4];
    while (scanf("%lf %lf %lf %lf %lf %lf %lf %lf", &in[0], &in[1], &in[2], &in[3], &out[0], &out[1], &out[2], &out[3]) == 8) {
        const capdist_capital_distribution figures = {
            .capital_in_super = in[0], .capital_in_big = in[1], .capital_in_mid = in[2], .capital_in_small = in[3],
            .capital_out_super = out[0], .capital_out_big = out[1], .capital_out_mid = out[2], .capital_out_small = out[3],
        };
        for (int32_t group = CAPDIST_FLOW_SUPER; group <= CAPDIST_FLOW_TOTAL; group++) {
            capdist_flow flow;
            if (capdist_flow_of(&figures, group, &flow) != CAPDIST_OK) return 1;
            printf("%.17g %.17g %.17g %.17g%c", flow.capital_in, flow.capital_out, flow.net, flow.out_share,
                   group == CAPDIST_FLOW_TOTAL ? '\n' : ' ');
        }
    }
    return 0;
}
